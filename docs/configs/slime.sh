# The reward part of a slime (or miles) run: source this file, then: python train.py … "${RM_ARGS[@]}"
#
# The hook masks the loss of responses without a verdict (`remove_sample`); with --group-rm the others' advantages do
# not notice. The workers must be able to import touchstone_trainer.
: "${TOUCHSTONE_REWARD_URL:=http://127.0.0.1:8080}"
RM_ARGS=(
    --custom-rm-path touchstone_trainer.adapters.slime.reward
    --group-rm
    --rm-url "$TOUCHSTONE_REWARD_URL"
    --label-key label
    --metadata-key metadata
)
# Without a hook: slime's own client, which knows no missing verdict.
RM_ARGS_HTTP=(
    --rm-type remote_rm
    --rm-url "$TOUCHSTONE_REWARD_URL/rm?on_no_verdict=zero"
)
