"""ms-swift 4.6: swift rlhf --rlhf_type grpo --external_plugins ms_swift_plugin.py --reward_funcs touchstone …"""

from touchstone_trainer.adapters.ms_swift import register

register()
