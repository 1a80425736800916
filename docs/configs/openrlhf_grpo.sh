#!/bin/sh
# GRPO with OpenRLHF 0.11 on rewards of a Touchstone service: openrlhf_grpo.sh MODEL DATASET [FLAG ...]
#
# A missing verdict is NaN, and dynamic filtering drops the group.
# In place of the URL the path of touchstone_trainer/adapters/openrlhf.py works too, with settings in TOUCHSTONE_REWARD_*.
set -eu
model=$1 dataset=$2
shift 2
: "${TOUCHSTONE_REWARD_URL:=http://127.0.0.1:8080}"

exec python3 -m openrlhf.cli.train_ppo_ray \
    --actor.model_name_or_path "$model" \
    --data.prompt_dataset "$dataset" \
    --data.input_key prompt \
    --data.label_key answer \
    --rollout.n_samples_per_prompt 8 \
    --rollout.batch_size 128 \
    --algo.advantage.estimator group_norm \
    --algo.dynamic_filtering_enable \
    --algo.dynamic_filtering_range 0 1 \
    --reward.remote_url "$TOUCHSTONE_REWARD_URL/get_reward?on_no_verdict=nan" \
    "$@"
