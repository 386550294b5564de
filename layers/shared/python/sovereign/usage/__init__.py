"""What answered calls used: numbered rows with running sums."""
