"""What the proofs of the laws stand on: projects with known answers, disks that fail, and the catalogue of cases."""
