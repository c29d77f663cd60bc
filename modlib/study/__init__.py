"""The paper: one module for each table or page, named as its notebook."""
