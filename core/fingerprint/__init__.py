"""What makes two steps the same: canonical values and the fingerprint of loaded code."""
