"""`python -m api.webhooks`: the worker."""

from api.webhooks.worker import main

if __name__ == "__main__":
    main()
