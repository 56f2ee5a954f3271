# Links the files of all packages into one tree, packages of a lower priority number first.
root=$out$extraPrefix
mkdir -p "$root"
declare -A owner=()
wanted() {
  local folder
  for folder in $pathsToLink; do
    [ "$folder" != / ] || return 0
    [[ /$1 == "$folder" || /$1 == "$folder"/* || "$folder" == /$1/* ]] && return 0
  done
  return 1
}
while IFS=: read -r priority paths; do
  for package in ${paths//,/ }; do
    [ -d "$package" ] || { echo "error: $package is not a folder" >&2; exit 1; }
    while IFS= read -r -d '' file && IFS= read -r -d '' type; do
      wanted "$file" || continue
      case $file in nix-support | nix-support/* | propagated-build-inputs | log | share/info/dir) continue ;; esac
      target=$root/$file
      if [ "$type" = d ]; then
        if [ -L "$target" ]; then echo "error: $file is a folder in $package and a file elsewhere" >&2; exit 1; fi
        [ -d "$target" ] || mkdir -p "$target"
      elif [ -L "$target" ] || [ -e "$target" ]; then
        before=${owner[$file]}
        if [ "${before%%:*}" = "$priority" ] && [ -z "$ignoreCollisions" ] && ! cmp -s "$target" "$package/$file"; then
          echo "error: two packages of priority $priority have the file $file: ${before#*:} and $package" >&2
          echo "hint: give one of them another priority (lib.hiPrio, lib.lowPrio), or set ignoreCollisions" >&2
          exit 1
        elif [ "${before%%:*}" = "$priority" ] && ! cmp -s "$target" "$package/$file"; then
          echo "warning: $file of $package is hidden by ${before#*:}" >&2
        fi
      else
        mkdir -p "$(dirname "$target")"
        ln -s "$package/$file" "$target"
        owner[$file]=$priority:$package
      fi
    done < <(find "$package/" -mindepth 1 -printf '%P\0%y\0')
  done
done < <(tr ' ' '\n' <"$chosenPath" | sort -s -t: -k1,1n; echo)
eval "$postBuild"
