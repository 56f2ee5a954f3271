# Downloads the first address that answers, then lets postFetch work on the file.
downloadedFile=$out
[ -z "$downloadToTemp" ] || downloadedFile=$TMPDIR/file
bundle=${NIX_SSL_CERT_FILE:-}
if [ -z "$bundle" ] || [ ! -e "$bundle" ]; then
  if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    bundle=/etc/ssl/certs/ca-certificates.crt
  else
    bundle=$TMPDIR/ca-certificates.crt
    cat "$certificates"/share/ca-certificates/mozilla/*.crt >"$bundle"
  fi
fi
got=
for address in $urls; do
  echo "trying $address"
  if curl --location --max-redirs 20 --retry 3 --fail --disable-epsv --cookie-jar "$TMPDIR/cookies" --cacert "$bundle" \
    $curlFlags --output "$downloadedFile" "$address"; then
    got=1
    break
  fi
done
if [ -z "$got" ]; then
  echo "error: cannot download $name from any of: $urls" >&2
  exit 1
fi
[ -z "$executable" ] || chmod +x "$downloadedFile"
eval "$postFetch"
