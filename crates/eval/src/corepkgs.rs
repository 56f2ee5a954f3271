//! The files that `<nix/…>` finds.

/// `<nix/fetchurl.nix>`: a derivation that the builder makes without other programs.
const FETCHURL: &str = "\
let
  # The first hash that was given, else `sha256`, whatever it is.
  choose = candidates: sha256:
    let given = builtins.filter (c: c.value != \"\") candidates;
    in if given == [ ] then { algo = \"sha256\"; value = sha256; } else builtins.head given;
in
{ url
, name ? baseNameOf (toString url)
, system ? \"\" # has no effect any more
, hash ? \"\", sha512 ? \"\", sha256 ? \"\", sha1 ? \"\", md5 ? \"\"
, outputHash ? (choose [ { value = hash; } { value = sha512; } { value = sha1; } { value = md5; } ] sha256).value
, outputHashAlgo ? (choose [
    { algo = \"\"; value = hash; }
    { algo = \"sha512\"; value = sha512; }
    { algo = \"sha1\"; value = sha1; }
    { algo = \"md5\"; value = md5; }
  ] sha256).algo
, executable ? false
, unpack ? false
, impure ? false
}:
derivation ({
  inherit name url executable unpack;
  urls = [ url ];
  builder = \"builtin:fetchurl\";
  system = \"builtin\";
  outputHashMode = if executable || unpack then \"recursive\" else \"flat\";
  impureEnvVars = map (protocol: \"${protocol}_proxy\") [ \"http\" \"https\" \"ftp\" \"all\" \"no\" ];
  preferLocalBuild = true;
} // (if impure then { __impure = true; } else { inherit outputHash outputHashAlgo; }))
";

/// Name and text of such a file.
pub(crate) fn find(path: &str) -> Option<(&'static str, &'static str)> {
    (path == "/fetchurl.nix").then_some(("fetchurl.nix", FETCHURL))
}
