"""What Raglass is made of: packages of the lock files, their licences, and what is known against them."""
