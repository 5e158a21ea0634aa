"""The smallest service on `libs/common`: a station takes every lead that is captured."""
