"""Value tables: what people do with them, and what is wrong with them."""
