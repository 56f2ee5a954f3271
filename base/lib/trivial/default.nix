# The small change of the language: function plumbing, logic, numbers, comparison, warnings,
# function arguments, and what is known about this release.
{ lib }:
{
  inherit (builtins)
    add
    bitAnd
    bitOr
    bitXor
    ceil
    deepSeq
    div
    floor
    genericClosure
    isBool
    isFloat
    isInt
    lessThan
    mul
    pathExists
    readFile
    seq
    sub
    ;
}
// import ./functions.nix { inherit lib; }
// import ./numbers.nix { inherit lib; }
// import ./messages.nix { inherit lib; }
// import ./release.nix { inherit lib; }
