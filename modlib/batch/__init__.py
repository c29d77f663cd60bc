"""What knows the checkout: tables, their keys and statistics, and the plan of the batch."""
