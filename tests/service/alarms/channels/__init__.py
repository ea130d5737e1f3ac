"""Each way of telling against a real receiver, and against those that misbehave."""
