"""NeMo Gym 0.7: resources_servers/touchstone/app.py; nemo_gym.yaml says what goes beside it."""

from touchstone_trainer.adapters.nemo_gym import resources_server

if __name__ == "__main__":
    resources_server().run_webserver()
