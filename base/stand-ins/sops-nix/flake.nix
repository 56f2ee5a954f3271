{
  description = "Stands in for sops-nix: the options that configurations set";

  outputs = { self, ... }: {
    nixosModules = {
      sops = ./module.nix;
      default = self.nixosModules.sops;
    };
    overlays.default = _final: _previous: { };
  };
}
