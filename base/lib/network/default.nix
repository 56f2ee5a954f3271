# Addresses of networks.
{ lib }:
let
  inherit (import ./internal.nix { inherit lib; }) _ipv6;
in
{
  ipv6 = {
    /**
      An IPv6 address in its parts: the address without compression, and the length of its prefix (128 if
      none is given).

      # Type
      `fromString :: String -> { address :: String; prefixLength :: Int; }`

      # Example
      ```nix
      network.ipv6.fromString "2001:DB8::ffff/32"
      => { address = "2001:db8:0:0:0:0:0:ffff"; prefixLength = 32; }
      ```
    */
    fromString =
      text:
      let
        parts = _ipv6.split text;
      in
      {
        address = _ipv6.toStringFromExpandedIp parts.address;
        inherit (parts) prefixLength;
      };

    /**
      The lower half of the IPv6 address that a machine makes of its MAC address; the octets may be separated by
      `:`, `-` or `.`.

      # Type
      `mkEUI64Suffix :: String -> String`

      # Example
      ```nix
      network.ipv6.mkEUI64Suffix "66:75:63:6B:20:75"
      => "6475:63ff:fe6b:2075"
      ```
    */
    inherit (_ipv6) mkEUI64Suffix;
  };
}
