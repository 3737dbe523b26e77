"""What the labs read off runs: stored results, orders of falling, symptoms, patients."""
