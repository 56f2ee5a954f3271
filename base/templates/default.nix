# Templates for `nix flake init`. Each keeps private keys out of Git by a `.gitignore` of its own.
{
  setup = {
    path = ./setup;
    description = "A NixOS machine to try things on";
    welcomeText = ''
      `nix run` boots the machine in this terminal; `shutdown now` in it ends it. What it is stands in `module.nix`.
    '';
  };
  server = {
    path = ./server;
    description = "A NixOS machine that serves web pages";
    welcomeText = ''
      `WWW="$PWD/www" nix run` boots the machine; its pages are at http://localhost:8080.
    '';
  };
  terraform = {
    path = ./terraform;
    description = "A web server at Amazon's, made and updated by Terraform";
  };
  continuous-deployment = {
    path = ./continuous-deployment;
    description = "A web server that updates itself from a Git repository, with secrets";
    welcomeText = ''
      Two names in `module.nix` and the file `secrets.yaml` are yours to fill in; evaluation says so until they are.
    '';
  };
  integration-test = {
    path = ./integration-test;
    description = "Two machines and a test of both";
  };
  docker = {
    path = ./docker;
    description = "Two machines and a test of both, with services in containers";
  };
  cowsay = {
    path = ./cowsay;
    description = "A package with apps, checks and shells around it";
  };
}
