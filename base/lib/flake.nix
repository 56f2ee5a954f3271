# The library for a flake: with the version that the flake's source has.
self:
(import ./.).extend (
  _: prev:
  let
    date = builtins.substring 0 8 (self.lastModifiedDate or "19700101");
    revision = self.shortRev or self.dirtyShortRev or "dirty";
    versionSuffix = ".${date}.${revision}";
    version = prev.trivial.release + versionSuffix;
  in
  {
    trivial = prev.trivial // {
      inherit version versionSuffix;
      revisionWithDefault = default: self.rev or self.dirtyRev or default;
    };
    inherit version;
  }
)
