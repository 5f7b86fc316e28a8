#!/usr/bin/env bash
# One day of a client with curl and the shell's own tools: day.sh MP NAME SITE CERTIFICATE.pem FOLDER
#
# The same day as day.py, in the plainest form that an MP takes: nothing signed, nothing compressed, ASCII only, one
# package of files without folders. Exits with a message when anything is not as it should be.
set -euo pipefail
export LC_ALL=C
[[ $# == 5 ]] || { echo "usage: day.sh MP NAME SITE CERTIFICATE.pem FOLDER" >&2; exit 2; }
mp=${1%/} name=$2 site=$3 certificate=$4 folder=$5
smsid=
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "day.sh: $*" >&2; exit 1; }
utf16() { iconv -f UTF-8 -t UTF-16LE; }
narrow() { tr -d '\000'; }  # of UTF-16 that holds ASCII alone
fetch() { curl -sS --fail --max-time 30 "$@"; }
attribute() { sed -n "s/.* $1=\"\([^\"]*\)\".*/\1/p" | head -n 1; }
property() { sed -n "s/.*<property name=\"$1\"[^>]*><value><!\[CDATA\[\([^]]*\)\]\].*/\1/p" | head -n 1; }

# ENDPOINT MODE DOCUMENT: the reply's document on standard output.
ccm() {
  local source= id
  [[ -z $smsid ]] || source="<SourceID>$smsid</SourceID>"
  id=$(printf '%08X-0000-4000-8000-%012X' $RANDOM $RANDOM)
  {
    printf -- '--day\r\nContent-Disposition: form-data; name="Msg"\r\nContent-Type: text/plain; charset=UTF-16\r\n\r\n\377\376'
    printf '%s' "<Msg ReplyCompression=\"none\" SchemaVersion=\"1.1\"><ID>{$id}</ID>$source<SourceHost>$name</SourceHost>" \
      "<TargetAddress>mp:[http]$1</TargetAddress><ReplyTo>direct:$name:Replies</ReplyTo><ReplyMode>$2</ReplyMode>" \
      "<TargetEndpoint>$1</TargetEndpoint><Body Type=\"ByteRange\" Offset=\"0\" Length=\"$((2 * ${#3} + 2))\"/><Hooks/>" \
      '<Payload Type="inline"/></Msg>' | utf16
    printf '\r\n--day\r\nContent-Type: application/octet-stream\r\n\r\n'
    printf '%s' "$3" | utf16
    printf '\0\0\r\n\r\n--day--\r\n'
  } >"$work/message"
  fetch -X CCM_POST -H 'Content-Type: multipart/mixed; boundary=day' --data-binary "@$work/message" \
    "$mp/ccm_system/request" | narrow | sed '1,/octet-stream/d'
}

# TYPE PROPERTIES...: each NAME=VALUE.
status() {
  local type=$1 properties= each
  shift
  for each in "$@" "MachineName=$name" "SiteCode=$site" "ClientID=$smsid" "DateTime=$(date -u +%Y%m%d%H%M%S).000000+000" \
    "ProcessId=$$" ThreadId=1; do
    properties+="<Property Name=\"${each%%=*}\">$(sed 's/&/\&amp;/g; s/</\&lt;/g' <<<"${each#*=}")</Property>"
  done
  ccm StatusReceiver Async "<Status SchemaVersion=\"1.00\" CodePage=\"437\" LocaleID=\"1033\"><Properties>$properties</Properties><Qualifiers /><Type>$type</Type></Status>" >/dev/null
}

# URL: a policy body, first its size, then in two ranges.
policy_body() {
  local size
  size=$(fetch -I "$1" | tr -d '\r' | sed -n 's/^[Cc]ontent-[Ll]ength: //p')
  { fetch -r 0-999 "$1" && fetch -r "1000-$((size - 1))" "$1"; } >"$work/body"
  [[ $(stat -c %s "$work/body") == "$size" ]] || fail "another size than HEAD says: $1"
}

fetch "$mp/SMS_MP/.sms_aut?MPLIST1&$site" | grep -q '<MP ' || fail "the MP knows no site $site"

der=$(sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/{/CERTIFICATE/d;p}' "$certificate" | base64 -d | od -An -v -tx1 |
  tr -d ' \n' | tr a-f A-F)
reply=$(ccm MP_ClientRegistration Sync "<ClientRegistrationRequest><Data SMSID=\"\" RequestType=\"Registration\" TimeStamp=\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"><AgentInformation AgentIdentity=\"day.sh\" AgentVersion=\"2.50.4253.3000\" AgentType=\"0\"/><Certificates><Encryption Encoding=\"HexBinary\" KeyType=\"1\">$der</Encryption><Signing Encoding=\"HexBinary\" KeyType=\"1\">$der</Signing></Certificates><DiscoveryProperties><Property Name=\"Netbios Name\" Value=\"$name\"/></DiscoveryProperties></Data><Signature><SignatureValue/></Signature></ClientRegistrationRequest>")
[[ $(attribute Status <<<"$reply") == 0 ]] || fail "not registered: $reply"
smsid=$(attribute SMSID <<<"$reply")

assignments() {
  ccm MP_PolicyManager Sync "<RequestAssignments SchemaVersion=\"1.00\" ACK=\"false\" RequestType=\"Always\"><Identification><Machine><ClientID>$smsid</ClientID></Machine><User/></Identification><PolicySource>SMS:$site</PolicySource><Resource ResourceType=\"Machine\"/><ServerCookie>$1</ServerCookie></RequestAssignments>"
}
reply=$(assignments '')
cookie=$(sed -n 's/.*<ServerCookie>\([^<]*\)<.*/\1/p' <<<"$reply")
grep -o '<PolicyLocation [^>]*><!\[CDATA\[[^]]*' <<<"$reply" >"$work/policies" || fail "no policy: $reply"

while read -r line; do
  url=${line##*CDATA[}
  url=${url/<mp>/${mp#http://}}
  url=${url//\{/%7B}
  policy_body "${url//\}/%7D}"
  [[ $(md5sum <"$work/body" | cut -d' ' -f1 | tr a-f A-F) == "$(attribute PolicyHash <<<"$line")" ]] || fail "hash of $url"
  narrow <"$work/body" >"$work/text"
  grep -q 'class="CCM_SoftwareDistribution"' "$work/text" || continue

  package=$(property PKG_PackageID <"$work/text")
  version=$(property PKG_SourceVersion <"$work/text")
  advert=$(property ADV_AdvertisementID <"$work/text")
  program=$(property PRG_ProgramID <"$work/text")
  about=("AdvertisementId=$advert" "PackageName=$package" "ProgramName=$program")
  status SoftDistProgramOfferReceivedEvent "${about[@]}"

  root=$(ccm MP_LocationManager Sync "<ContentLocationRequest SchemaVersion=\"1.00\"><AssignedSite SiteCode=\"$site\"/><ClientLocationInfo><ADSite/><IPAddresses/></ClientLocationInfo><Package ID=\"$package\" Version=\"$version\"/></ContentLocationRequest>" |
    sed -n 's/.*<URL Name="\([^"]*\)".*/\1/p')
  [[ -n $root ]] || fail "no location for $package.$version"

  fetch -X PROPFIND -H 'Depth: infinity' -H 'Translate: f' "$root" | sed 's/<[^<>]*:response>/\n&/g' |
    grep 'iscollection[^>]*>0<' | sed -n 's/.*<[^/<>]*:href>\([^<]*\)<.*/\1/p' >"$work/files"
  names= digests=
  while read -r file; do
    target=$folder/${file##*/}
    fetch -o "$target" "$file"
    names+=$(tr A-Z a-z <<<"${file##*/}")
    digests+=$(sha1sum <"$target" | cut -d' ' -f1 | tr a-f A-F)
  done < <(sort -f "$work/files")
  computed=$(printf '%s' "$names$digests" | utf16 | sha1sum | cut -d' ' -f1 | tr a-f A-F)
  [[ $computed == "$(property PKG_SourceHash <"$work/text")" ]] || fail "hash mismatch: $computed"

  status SoftDistProgramStartedEvent "${about[@]}" "CommandLine=$(property PRG_CommandLine <"$work/text")" \
    "WorkingDirectory=$folder" 'UserContext=NT AUTHORITY\SYSTEM'
  status SoftDistProgramCompletedSuccessfulMIFEvent "${about[@]}" "Description=done by day.sh"
  echo "$advert $(wc -l <"$work/files") files"
done <"$work/policies"

[[ -z $(assignments "$cookie") ]] || fail "policy came again although nothing changed"
