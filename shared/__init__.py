"""What more than one service needs: contracts, the license file, and plumbing."""
