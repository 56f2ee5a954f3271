# What functions that download things have in common: hashes under several names, proxies.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    filter
    head
    length
    removeAttrs
    ;

  # What a hash that isn't known yet is taken for, by its attribute.
  placeholders = {
    hash = lib.fakeHash;
    sha256 = lib.fakeSha256;
    sha512 = lib.fakeSha512;
  };

  algorithm = attr: if attr == "hash" then null else attr;
in
rec {
  /**
    Environment variables that downloads take from outside.

    # Type
    `proxyImpureEnvVars :: [ String ]`
  */
  proxyImpureEnvVars = [
    "http_proxy"
    "https_proxy"
    "ftp_proxy"
    "all_proxy"
    "no_proxy"
    "HTTP_PROXY"
    "HTTPS_PROXY"
    "FTP_PROXY"
    "ALL_PROXY"
    "NO_PROXY"
    # The certificates are not part of what is downloaded.
    "NIX_SSL_CERT_FILE"
  ];

  /**
    Turns `hash`, or one of the attributes in `hashTypes`, into `outputHash` and `outputHashAlgo`; an empty hash
    becomes one that is never right. Other attributes stay, and so does a set that has both already. Without a hash:
    an error, if `required`.

    # Type
    `normalizeHash :: { hashTypes :: [ String ] ? [ "sha256" ]; required :: Bool ? true; } -> AttrSet -> AttrSet`

    # Example
    ```nix
    fetchers.normalizeHash { } { hash = "sha256-x"; name = "n"; }
    => { name = "n"; outputHash = "sha256-x"; outputHashAlgo = null; }
    ```
  */
  normalizeHash =
    {
      hashTypes ? [ "sha256" ],
      required ? true,
    }:
    let
      names = [ "hash" ] ++ hashTypes;
      quoted = concatStringsSep ", " (map (n: "`${n}`") names);
    in
    args:
    let
      given = filter (name: args ? ${name}) names;
      name = head given;
      value = args.${name};
    in
    if args ? outputHash && args ? outputHashAlgo then
      args
    else if given == [ ] then
      if required then
        throw "fetcher called without `hash`; it needs one of ${quoted}"
      else
        args
    else if length given > 1 then
      throw "fetcher called with several hashes: ${concatStringsSep ", " given}"
    else
      removeAttrs args names
      // {
        outputHash =
          if value != "" then
            value
          else
            placeholders.${name} or (throw "no placeholder for a hash of type ${name} is known");
        outputHashAlgo = algorithm name;
      };

  /**
    A function that takes `hash` (and what `hashTypes` allows) made of one that takes `outputHash` and `outputHashAlgo`.

    # Type
    `withNormalizedHash :: { hashTypes :: [ String ] ? [ "sha256" ]; } -> (AttrSet -> a) -> (AttrSet -> a)`

    # Example
    ```nix
    fetchers.withNormalizedHash { } ({ outputHash, outputHashAlgo, ... }: outputHash) { hash = "sha256-x"; }
    => "sha256-x"
    ```
  */
  withNormalizedHash =
    {
      hashTypes ? [ "sha256" ],
    }:
    fetcher:
    let
      args = lib.trivial.functionArgs fetcher;
      inner = [
        "outputHash"
        "outputHashAlgo"
      ];
      missing = filter (name: !args ? ${name}) inner;
      # A hash may be left out where both of the inner arguments may.
      optional = args.outputHash && args.outputHashAlgo;
    in
    if missing != [ ] then
      throw "withNormalizedHash: the function must take the argument${
        if length missing == 1 then "" else "s"
      } ${concatStringsSep " and " (map (n: "`${n}`") missing)}"
    else
      lib.trivial.setFunctionArgs (
        call:
        fetcher (
          normalizeHash {
            inherit hashTypes;
            required = !optional;
          } call
        )
      ) (
        removeAttrs args inner
        // { hash = optional; }
      );
}
