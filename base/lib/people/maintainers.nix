# People who look after packages, for `meta.maintainers`. An entry has `name`, `github` and `githubId`; it may have
# `email`, `matrix` and `keys = [ { fingerprint = "…"; } ]`.
{ ... }:
{ }
