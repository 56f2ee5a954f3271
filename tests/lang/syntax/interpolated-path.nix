let name = "b"; in map baseNameOf [ ./a/${name} ./a/${name}.nix ./${name}-${name} ]
