# What single units need beyond unpacking and relocating: see ../../README-debian.md for the attributes.
{ lib, units }:
{
  # The folders of its modules are compiled in.
  perl.wrap = "bin/perl PERL5LIB+=@out@/lib/x86_64-linux-gnu/perl/5.40:@out@/share/perl/5.40:@out@/lib/x86_64-linux-gnu/perl-base";
  git.wrap = "bin/git GIT_EXEC_PATH?=@out@/lib/git-core GIT_TEMPLATE_DIR?=@out@/share/git-core/templates";
  vim.wrap = "bin/vim.basic VIM?=@out@/share/vim";
}
