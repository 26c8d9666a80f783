"""What studies compute: profiles, designs, shares of variance. It knows no backend and asks nothing."""
