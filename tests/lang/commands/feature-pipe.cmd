nix-instantiate --option experimental-features '' --eval -E '1 |> 2'
