#!/bin/sh
# GRPO with verl 0.9 on rewards of a Touchstone service: verl_grpo.sh MODEL TRAIN.parquet VAL.parquet [OVERRIDE ...]
#
# The reward manager asks the service, with the question from the prompt. A response without a verdict is NaN, which the
# advantage estimator leaves out of its group. IcePop is verl's own correction; the policy loss adds Clip-Cov.
# Leave out the three lines marked (1) to use verl's own estimator and loss: then also on_no_verdict and
# no_verdict_value, and a missing verdict drops its group.
set -eu
model=$1 train=$2 val=$3
shift 3

export VERL_USE_EXTERNAL_MODULES=touchstone_trainer.adapters.verl_algorithms # (1)
: "${TOUCHSTONE_REWARD_URL:=http://127.0.0.1:8080}"

exec python3 -m verl.trainer.main_ppo \
    data.train_files="$train" \
    data.val_files="$val" \
    data.train_batch_size=256 \
    data.max_prompt_length=1024 \
    data.max_response_length=4096 \
    actor_rollout_ref.model.path="$model" \
    actor_rollout_ref.rollout.n=8 \
    actor_rollout_ref.rollout.temperature=1.0 \
    actor_rollout_ref.rollout.calculate_log_probs=True \
    actor_rollout_ref.actor.ppo_mini_batch_size=64 \
    actor_rollout_ref.actor.use_dynamic_bsz=True \
    actor_rollout_ref.actor.clip_ratio_high=0.28 \
    actor_rollout_ref.actor.policy_loss.loss_mode=touchstone `# (1)` \
    algorithm.adv_estimator=touchstone `# (1)` \
    algorithm.rollout_correction.rollout_is=token \
    algorithm.rollout_correction.rollout_is_threshold='"0.5_5.0"' \
    reward.reward_manager.source=importlib \
    reward.reward_manager.name=TouchstoneRewardManager \
    reward.reward_manager.module.path=pkg://touchstone_trainer.adapters.verl \
    reward.custom_reward_function.path=pkg://touchstone_trainer.adapters.verl \
    +reward.custom_reward_function.reward_kwargs.url="$TOUCHSTONE_REWARD_URL" \
    +reward.custom_reward_function.reward_kwargs.on_no_verdict=value \
    +reward.custom_reward_function.reward_kwargs.no_verdict_value=nan \
    trainer.n_gpus_per_node=8 \
    trainer.nnodes=1 \
    "$@"
