# Programs of the package set, used in builds: `tools` is small, `compilers` fetches some hundred megabytes.
let
  pkgs = import ../../base { system = "x86_64-linux"; };
  uses = name: programs: libraries: script: pkgs.stdenv.mkDerivation {
    inherit name;
    nativeBuildInputs = programs;
    buildInputs = libraries;
    buildCommand = ''
      export HOME=$PWD
      set -e
      ${script}
      touch "$out"
    '';
  };
in
{
  tools = uses "tools-work" (with pkgs; [ lua jq fd bat file cmake ninja ruby ]) [ pkgs.zlib ] ''
    [ "$(lua -e 'print(6*7)')" = 42 ]
    [ "$(echo '{"a":42}' | jq --monochrome-output .a)" = 42 ]
    [ "$(ruby -e 'require "json"; puts JSON.parse("[42]")[0]')" = 42 ]
    fd --version
    bat --version
    file ${pkgs.bash}/bin/bash | grep ELF

    # A program that is linked with a library finds it when it runs.
    mkdir program
    cd program
    cat >CMakeLists.txt <<'X'
    cmake_minimum_required(VERSION 3.10)
    project(program C)
    add_executable(program program.c)
    target_link_libraries(program z)
    X
    printf '#include <zlib.h>\n#include <stdio.h>\nint main() { puts(zlibVersion()); }\n' >program.c
    cmake -G Ninja .
    ninja
    ./program
  '';

  compilers = uses "compilers-work" (with pkgs; [ go rustc cargo ]) [ ] ''
    printf 'package main\nimport "fmt"\nfunc main() { fmt.Println(6 * 7) }\n' >m.go
    CGO_ENABLED=0 GOCACHE=$PWD/cache go run m.go >go.out
    [ "$(cat go.out)" = 42 ]
    printf 'fn main() { println!("{}", 6 * 7) }\n' >m.rs
    rustc m.rs
    [ "$(./m)" = 42 ]
    cargo --version
  '';
}
