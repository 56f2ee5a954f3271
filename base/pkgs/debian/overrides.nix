# What single units need beyond unpacking and relocating: see ../../README-debian.md for the attributes.
{ lib, units }:
{
  # The folders of its modules are compiled in.
  perl.wrap = "bin/perl PERL5LIB+=@out@/lib/x86_64-linux-gnu/perl/5.40:@out@/share/perl/5.40:@out@/lib/x86_64-linux-gnu/perl-base";
  git.wrap = "bin/git GIT_EXEC_PATH?=@out@/lib/git-core GIT_TEMPLATE_DIR?=@out@/share/git-core/templates";
  vim.wrap = "bin/vim.basic VIM?=@out@/share/vim";
  # So is the place of its database.
  file.wrap = "bin/file MAGIC?=${units.libmagic-mgc}/lib/file/magic.mgc";
  ruby.wrap = "bin/ruby3.3 RUBYLIB+=@out@/lib/ruby/vendor_ruby:@out@/lib/ruby/3.3.0:@out@/lib/x86_64-linux-gnu/ruby/3.3.0";
  # It looks for its modules beside itself, and Debian has them in a package of their own.
  cmake.links = "share/cmake-3.31=${units.cmake-data}/share/cmake-3.31";
}
