//! Holds no code yet: `peers.sh` compares with other tools.
