# Fetchers: fixed-output derivations, checked by hash.
{ lib, stdenvNoCC, units, system }:
let
  mirrors = import ./mirrors.nix;

  # "mirror://gnu/hello/x.tar.gz" -> the addresses it stands for.
  expand = url:
    let parts = builtins.match "mirror://([a-z]+)/(.*)" url; in
    if parts == null then [ url ]
    else map (base: base + builtins.elemAt parts 1)
      (mirrors.${builtins.head parts} or (throw "fetchurl: unknown mirror '${builtins.head parts}' in ${url}"));

  # The hash in whichever spelling it was given.
  hashOf = what: { hash ? "", outputHash ? "", outputHashAlgo ? null, sha256 ? "", sha512 ? "", sha1 ? "", md5 ? "", ... }:
    if hash != "" then { outputHash = hash; outputHashAlgo = null; }
    else if sha512 != "" then { outputHash = sha512; outputHashAlgo = "sha512"; }
    else if sha256 != "" then { outputHash = sha256; outputHashAlgo = "sha256"; }
    else if outputHash != "" then { inherit outputHash outputHashAlgo; }
    else if sha1 != "" then { outputHash = sha1; outputHashAlgo = "sha1"; }
    else if md5 != "" then throw "${what}: md5 is not accepted: give hash"
    else { outputHash = lib.fakeHash or "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; outputHashAlgo = null; };

  proxies = [ "http_proxy" "https_proxy" "ftp_proxy" "all_proxy" "no_proxy" "HTTP_PROXY" "HTTPS_PROXY" "NIX_SSL_CERT_FILE" ];

  fetchurl =
    { url ? "", urls ? [ ], name ? null, pname ? null, version ? null, executable ? false, recursiveHash ? false, postFetch ? ""
    , downloadToTemp ? false, curlOpts ? "", curlOptsList ? [ ], meta ? { }, passthru ? { }, nativeBuildInputs ? [ ], preferLocalBuild ? true, ... }@args:
    let
      given = if urls != [ ] then urls else [ url ];
      all = lib.concatMap expand given;
      fileName =
        if name != null && name != "" then name
        else if pname != null && version != null then "${pname}-${version}"
        else baseNameOf (toString (builtins.head given));
      hash = hashOf "fetchurl of ${builtins.head given}" args;
      plain = derivation ({
        name = fileName;
        system = "builtin";
        builder = "builtin:fetchurl";
        url = builtins.head all;
        urls = all;
        unpack = false;
        inherit executable preferLocalBuild;
        outputHashMode = if executable || recursiveHash then "recursive" else "flat";
        impureEnvVars = proxies;
      } // lib.filterAttrs (_: v: v != null) hash);
      viaCurl = stdenvNoCC.mkDerivation (lib.filterAttrs (_: v: v != null) hash // {
        name = fileName;
        urls = all;
        inherit postFetch downloadToTemp executable preferLocalBuild;
        nativeBuildInputs = [ units.curl ] ++ nativeBuildInputs;
        outputHashMode = if executable || recursiveHash then "recursive" else "flat";
        impureEnvVars = proxies;
        curlFlags = lib.concatStringsSep " " ([ curlOpts ] ++ curlOptsList);
        certificates = "${units.ca-certificates}";
        buildCommand = builtins.readFile ./fetch-with-curl.sh;
        inherit meta passthru;
      });
      base = if postFetch == "" && !downloadToTemp && curlOpts == "" && curlOptsList == [ ] then plain else viaCurl;
    in
    assert lib.assertMsg (url != "" || urls != [ ]) "fetchurl: give url or urls";
    base // { urls = all; url = builtins.head all; inherit meta passthru; } // passthru;

  # An archive, unpacked, its only folder taken away; the hash is that of the tree.
  fetchzip =
    { url ? "", urls ? [ ], name ? "source", stripRoot ? true, extension ? null, postFetch ? "", ... }@args:
    fetchurl (removeAttrs args [ "stripRoot" "extension" ] // {
      inherit name;
      recursiveHash = true;
      downloadToTemp = true;
      nativeBuildInputs = args.nativeBuildInputs or [ ];
      postFetch = ''
        unpacked=$TMPDIR/unpack
        mkdir "$unpacked"
        cd "$unpacked"
        mv "$downloadedFile" "$TMPDIR/archive.${if extension != null then extension else "tar.gz"}"
        case "$(basename ${lib.escapeShellArg (if url != "" then url else builtins.head urls)})" in
          *.zip) ${units.unzip}/bin/unzip -qq "$TMPDIR"/archive.* ;;
          *) tar xf "$TMPDIR"/archive.* ;;
        esac
        ${if stripRoot then ''
          if [ "$(ls -A "$unpacked" | wc -l)" != 1 ]; then
            echo "error: the archive must hold one file or folder: set stripRoot = false" >&2
            exit 1
          fi
          mv "$unpacked"/* "$out"
        '' else ''mv "$unpacked" "$out"''}
        chmod -R u+w "$out"
        ${postFetch}
        chmod 755 "$out"
      '';
    });

  fetchFromGitHub = { owner, repo, rev ? null, tag ? null, name ? "source", githubBase ? "github.com", ... }@args:
    let ref = if tag != null then "refs/tags/${tag}" else if rev != null then rev else throw "fetchFromGitHub: give rev or tag"; in
    fetchzip (removeAttrs args [ "owner" "repo" "rev" "tag" "githubBase" "fetchSubmodules" "leaveDotGit" "deepClone" ] // {
      inherit name;
      url = "https://${githubBase}/${owner}/${repo}/archive/${ref}.tar.gz";
    }) // { inherit owner repo tag; rev = ref; };
in
{ inherit fetchurl fetchzip fetchFromGitHub; fetchTarball = builtins.fetchTarball; }
