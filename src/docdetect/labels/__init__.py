"""One codec per annotation format: pure functions between text or plain data and our types."""
