"""A small, stateful, Stripe-shaped service for demonstrations and tests; see README.md for what it proves."""
