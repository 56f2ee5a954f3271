# Parsing and printing of addresses. An IPv6 address is a list of eight integers of 16 bits.
{ lib }:
let
  inherit (builtins)
    all
    concatStringsSep
    elemAt
    filter
    head
    isString
    length
    match
    replaceStrings
    split
    substring
    ;
  inherit (lib.strings) splitString toLower;
  inherit (lib.trivial) fromHexString toHexString;

  invalid = text: throw "${text} is not a valid IPv6 address";

  # Eight groups of digits; "::" stands for as many zeroes as are missing, at least one.
  expand =
    text:
    let
      halves = splitString "::" text;
      groups = half: if half == "" then [ ] else splitString ":" half;
      left = groups (head halves);
      right = groups (elemAt halves 1);
      missing = 8 - length left - length right;
      result =
        if length halves == 1 then
          left
        else if length halves == 2 && missing > 0 then
          left ++ lib.lists.replicate missing "0" ++ right
        else
          invalid text;
    in
    if match "[0-9a-fA-F:]+" text == null then
      throw "${text} contains malformed characters for IPv6 address"
    else if length result != 8 || !all (group: group != "") result then
      invalid text
    else
      result;

  parseGroup =
    group:
    let
      value = fromHexString group;
    in
    if value > 65535 then throw "0x${group} is not a valid u16 integer" else value;

  parse = text: map parseGroup (expand text);

  checkPrefix =
    prefix:
    let
      value = lib.strings.toInt prefix;
    in
    if value >= 1 && value <= 128 then
      value
    else
      throw "IPv6 subnet should be in range [1;128], got ${prefix}";

  octets =
    mac:
    let
      parts = filter isString (split "[:.-]" mac);
      plain = replaceStrings [ ":" "-" "." ] [ "" "" "" ] mac;
      separated = length parts == 6 && all (part: match "[0-9a-fA-F]{2}" part != null) parts;
    in
    if separated then
      parts
    else if match "[0-9a-fA-F]{12}" mac != null then
      builtins.genList (n: substring (2 * n) 2 plain) 6
    else
      throw "${builtins.toJSON mac} is not a valid MAC address (expected 6 octets of hex digits)";
in
{
  _ipv6 = {
    # `{ address, prefixLength }` of text with or without a prefix length.
    split =
      text:
      let
        parts = splitString "/" text;
        count = length parts;
      in
      if count == 1 then
        {
          address = parse text;
          prefixLength = 128;
        }
      else if count == 2 then
        {
          address = parse (head parts);
          prefixLength = checkPrefix (elemAt parts 1);
        }
      else
        throw "${text} is not a valid IPv6 address in CIDR notation";

    toStringFromExpandedIp = groups: concatStringsSep ":" (map (g: toLower (toHexString g)) groups);

    mkEUI64Suffix =
      mac:
      let
        o = map toLower (octets mac);
        # The second lowest bit of the first octet says whether an address is unique in the world.
        flipped = builtins.bitXor (fromHexString (head o)) 2;
        first = toLower (toHexString flipped);
      in
      "${first}${elemAt o 1}:${elemAt o 2}ff:fe${elemAt o 3}:${elemAt o 4}${elemAt o 5}";
  };
}
