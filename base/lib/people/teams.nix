# Groups of people who look after packages, for `meta.teams`. An entry has `members` (entries of `lib.maintainers`),
# `scope` and `shortName`; it may have `github`, `githubId` and `githubMaintainers`.
{ ... }:
{ }
