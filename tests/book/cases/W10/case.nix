let
  evaluate = modules: (import ./base/nixos/lib/eval-config.nix { system = "x86_64-linux"; inherit modules; }).config.system.stateVersion;
in
[ (evaluate [ { system.stateVersion = "23.11"; } ]) (evaluate [ ] == (import ./base/lib).trivial.release) ]
