"""What `logsentry demo` scores: real access-log lines (`logs/ORIGIN.md`) and a bundle trained on the first two days of them."""
