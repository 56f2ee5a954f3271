# Architectures as compilers name them (`-march`): what each can do, and whose programs it runs.
{ lib }:
let
  # Instruction set extensions of x86 that packages ask for, in the order in which they appeared.
  nehalem = [
    "sse3"
    "ssse3"
    "sse4_1"
    "sse4_2"
  ];

  # The architectures that come right below each one.
  below = {
    alderlake = [ "skylake" ];
    ampere1 = [ "armv8.6-a" "cortex-a55" "cortex-a76" ];
    ampere1a = [ "ampere1" ];
    ampere1b = [ "ampere1a" ];
    "armv8.1-a" = [ "armv8-a" ];
    "armv8.2-a" = [ "armv8.1-a" ];
    "armv8.3-a" = [ "armv8.2-a" ];
    "armv8.4-a" = [ "armv8.3-a" ];
    "armv8.5-a" = [ "armv8.4-a" ];
    "armv8.6-a" = [ "armv8.5-a" ];
    "armv8.7-a" = [ "armv8.6-a" ];
    "armv8.8-a" = [ "armv8.7-a" ];
    "armv8.9-a" = [ "armv8.8-a" ];
    armv9-a = [ "armv8.5-a" ];
    "armv9.1-a" = [ "armv9-a" "armv8.6-a" ];
    "armv9.2-a" = [ "armv9.1-a" "armv8.7-a" ];
    "armv9.3-a" = [ "armv9.2-a" "armv8.8-a" ];
    "armv9.4-a" = [ "armv9.3-a" ];
    bdver1 = [ "x86-64-v2" ];
    bdver2 = [ "x86-64-v2" ];
    bdver3 = [ "x86-64-v2" ];
    bdver4 = [ "x86-64-v3" ];
    broadwell = [ "haswell" ];
    btver1 = [ "x86-64" ];
    btver2 = [ "x86-64-v2" ];
    cannonlake = [ "skylake-avx512" ];
    cascadelake = [ "cannonlake" ];
    cooperlake = [ "cascadelake" ];
    cortex-a53 = [ "armv8-a" ];
    cortex-a55 = [ "armv8.2-a" "cortex-a53" "cortex-a72" ];
    cortex-a72 = [ "armv8-a" ];
    cortex-a76 = [ "armv8.2-a" "cortex-a53" "cortex-a72" ];
    emeraldrapids = [ "sapphirerapids" ];
    haswell = [ "ivybridge" "x86-64-v3" ];
    icelake-client = [ "cannonlake" ];
    icelake-server = [ "icelake-client" ];
    ivybridge = [ "sandybridge" ];
    la464 = [ "la64v1.0" ];
    "la64v1.0" = [ "loongarch64" ];
    "la64v1.1" = [ "la64v1.0" ];
    la664 = [ "la464" "la64v1.1" ];
    nehalem = [ "x86-64-v2" ];
    rocketlake = [ "x86-64-v4" ];
    sandybridge = [ "westmere" ];
    sapphirerapids = [ "tigerlake" ];
    sierraforest = [ "alderlake" ];
    skylake = [ "broadwell" ];
    skylake-avx512 = [ "skylake" "x86-64-v4" ];
    tigerlake = [ "icelake-server" ];
    westmere = [ "nehalem" ];
    x86-64-v2 = [ "x86-64" ];
    x86-64-v3 = [ "x86-64-v2" ];
    x86-64-v4 = [ "x86-64-v3" ];
    znver1 = [ "skylake" ];
    znver2 = [ "znver1" ];
    znver3 = [ "znver2" ];
    znver4 = [ "znver3" "x86-64-v4" ];
    znver5 = [ "znver4" ];
  };
in
rec {
  /**
    What programs for an architecture may use.

    # Type
    `features :: { [String] :: [ String ] }`
  */
  features = {
    alderlake = nehalem ++ [ "aes" "avx" "avx2" "fma" ];
    armv5te = [ ];
    armv6 = [ ];
    armv7-a = [ ];
    armv8-a = [ ];
    bdver1 = nehalem ++ [ "sse4a" "aes" "avx" "fma" "fma4" ];
    bdver2 = nehalem ++ [ "sse4a" "aes" "avx" "fma" "fma4" ];
    bdver3 = nehalem ++ [ "sse4a" "aes" "avx" "fma" "fma4" ];
    bdver4 = nehalem ++ [ "sse4a" "aes" "avx" "avx2" "fma" "fma4" ];
    broadwell = nehalem ++ [ "avx" "avx2" "fma" ];
    btver1 = nehalem;
    btver2 = nehalem ++ [ "aes" "avx" ];
    cannonlake = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    cascadelake = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    cooperlake = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    default = [ ];
    emeraldrapids = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    haswell = nehalem ++ [ "avx" "avx2" "fma" ];
    icelake-client = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    icelake-server = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    ivybridge = nehalem ++ [ "avx" ];
    la464 = [ "fpu64" "lsx" "lasx" ];
    "la64v1.0" = [ "fpu64" "lsx" ];
    "la64v1.1" = [ "fpu64" "lsx" "div32" "frecipe" "lam-bh" "lamcas" "ld-seq-sa" ];
    la664 = [ "fpu64" "lsx" "lasx" "div32" "frecipe" "lam-bh" "lamcas" "ld-seq-sa" ];
    loongarch64 = [ "fpu64" ];
    loongson2f = [ ];
    mips32 = [ ];
    nehalem = nehalem;
    rocketlake = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    sandybridge = nehalem ++ [ "avx" ];
    sapphirerapids = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    sierraforest = nehalem ++ [ "aes" "avx" "avx2" "fma" ];
    silvermont = nehalem;
    skylake = nehalem ++ [ "aes" "avx" "avx2" "fma" ];
    skylake-avx512 = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    tigerlake = nehalem ++ [ "aes" "avx" "avx2" "avx512" "fma" ];
    westmere = nehalem;
    x86-64 = [ ];
    x86-64-v2 = nehalem;
    x86-64-v3 = nehalem ++ [ "avx" "avx2" "fma" ];
    x86-64-v4 = nehalem ++ [ "avx" "avx2" "avx512" "fma" ];
    znver1 = nehalem ++ [ "sse4a" "aes" "avx" "avx2" "fma" ];
    znver2 = nehalem ++ [ "sse4a" "aes" "avx" "avx2" "fma" ];
    znver3 = nehalem ++ [ "sse4a" "aes" "avx" "avx2" "fma" ];
    znver4 = nehalem ++ [ "sse4a" "aes" "avx" "avx2" "avx512" "fma" ];
    znver5 = nehalem ++ [ "sse4a" "aes" "avx" "avx2" "avx512" "fma" ];
  };

  /**
    The architectures whose programs run on each one as well.

    # Type
    `inferiors :: { [String] :: [ String ] }`

    # Example
    ```nix
    systems.architectures.inferiors.westmere
    => [ "nehalem" "x86-64-v2" "x86-64" ]
    ```
  */
  inferiors =
    let
      all = builtins.mapAttrs (
        name: _:
        let
          direct = below.${name} or [ ];
        in
        lib.lists.unique (direct ++ builtins.concatMap (other: all.${other}) direct)
      ) (removeAttrs features [ "silvermont" ] // below);
    in
    all;

  /**
    For each feature, whether an architecture has it.

    # Type
    `predicates :: { [String] :: String -> Bool }`

    # Example
    ```nix
    systems.architectures.predicates.avx2Support "haswell"
    => true
    ```
  */
  predicates =
    builtins.mapAttrs (_: feature: arch: builtins.elem feature (features.${arch} or [ ]))
      {
        sse3Support = "sse3";
        ssse3Support = "ssse3";
        sse4_1Support = "sse4_1";
        sse4_2Support = "sse4_2";
        sse4_aSupport = "sse4a";
        avxSupport = "avx";
        avx2Support = "avx2";
        avx512Support = "avx512";
        aesSupport = "aes";
        fmaSupport = "fma";
        fma4Support = "fma4";
        lsxSupport = "lsx";
        lasxSupport = "lasx";
      };

  /**
    Whether the first architecture has the second below it.

    # Type
    `hasInferior :: String -> String -> Bool`

    # Example
    ```nix
    systems.architectures.hasInferior "skylake" "haswell"
    => true
    ```
  */
  hasInferior = arch: other: builtins.elem other (inferiors.${arch} or [ ]);

  /**
    Whether the first architecture runs programs for the second.

    # Type
    `canExecute :: String -> String -> Bool`

    # Example
    ```nix
    map (systems.architectures.canExecute "skylake") [ "skylake" "znver1" ]
    => [ true false ]
    ```
  */
  canExecute = arch: other: arch == other || hasInferior arch other;
}
