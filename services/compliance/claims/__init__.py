"""What was answered to whom: claims, recorded beside the answers."""
