# A setup hook with makeWrapper and wrapProgram.
{ makeSetupHook, units }:
makeSetupHook { name = "make-shell-wrapper-hook"; substitutions.shell = "${units.bash}/bin/bash"; meta.description = "makeWrapper and wrapProgram"; } ./make-wrapper.sh
