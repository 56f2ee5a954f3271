# What `mirror://NAME/` stands for: places to try in order.
{
  gnu = [ "https://ftpmirror.gnu.org/" "https://ftp.gnu.org/pub/gnu/" ];
  debian = [ "http://deb.debian.org/debian/" ];
  kernel = [ "https://cdn.kernel.org/pub/" ];
  sourceforge = [ "https://downloads.sourceforge.net/" ];
  savannah = [ "https://download.savannah.gnu.org/releases/" ];
  cpan = [ "https://cpan.metacpan.org/" ];
  pypi = [ "https://files.pythonhosted.org/packages/source/" ];
  apache = [ "https://dlcdn.apache.org/" "https://archive.apache.org/dist/" ];
}
