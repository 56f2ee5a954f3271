# All tests of the library that are expressions: a list of failures, empty if there are none.
#
#     nix-instantiate --eval --strict --read-write-mode base/lib/tests
#
# Messages of errors are tested in tests/book.
let
  lib = import ../.;
in
(import ./examples.nix { inherit lib; }).failures
++ import ./laziness.nix { inherit lib; }
++ import ./packages.nix { inherit lib; }
++ import ./modules.nix { inherit lib; }
++ import ./options.nix { inherit lib; }
++ import ./types.nix { inherit lib; }
++ import ./interface.nix { inherit lib; }
