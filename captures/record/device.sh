# SPDX-License-Identifier: GPL-2.0-or-later
# The devices: curl in the place of Windows, and real SCEP clients. Sourced by record.

windows_agent='Mozilla/4.0 (compatible; Win32; NDES client 10.0.19041.746/vb_release_svc_prod1)'

# client NAME COMMAND…: runs a client on the device; its output and exit code become logs.
client() {
    local name=$1 code=0
    shift
    on device "$@" >"$truth/logs/$name.stdout" 2>"$truth/logs/$name.stderr" || code=$?
    echo "$code" >"$truth/logs/$name.exit"
    ((code == ${expected_code:-0})) || die "$name ended with $code: $(tail -3 "$truth/logs/$name.stderr")"
}

# ask QUERY [curl option…]: queues a request for the next send.
ask() {
    local query=$1 record
    shift
    printf -v record %s/device/%02d "$work" $((++asked))
    ((${#queue[@]} == 0)) || queue+=(--next)
    queue+=(--silent --show-error --max-time 20 --output "$record.response"
        --write-out '%{json}\n' "${curl_options[@]}" "$@" "${url:-$device_url}?$query")
    records+=("$record")
}

# ask_get FILE [curl option…]: a PKIOperation by GET, everything that base64 may hold escaped unless
# get_escapes says otherwise.
ask_get() {
    local encoded
    encoded=$(base64 -w0 "$1" | sed "$get_escapes")
    shift
    ask "operation=PKIOperation&message=$encoded" "$@"
}

# ask_post FILE [curl option…]: a PKIOperation by POST.
ask_post() {
    local file=$1
    shift
    ask operation=PKIOperation --data-binary "@$file" -H "Content-Type: $post_type" "$@"
    cp "$file" "${records[-1]}.request"
}

# send: what was asked, in one run of curl, hence on one connection as far as the server lets it.
send() {
    local number=$((++sent)) facts code=0
    SSLKEYLOGFILE=$work/device.keylog on device curl -q "${queue[@]}" \
        >"$work/facts-$number" 2>"$truth/logs/curl-$number.stderr" || code=$?
    echo "$code" >"$truth/logs/curl-$number.exit"
    while read -r facts; do
        echo "$facts" >"${records[0]}.json"
        records=("${records[@]:1}")
    done <"$work/facts-$number"
    queue=() records=()
}

# Whether the last run of curl got all that it asked for.
went_well() { [[ $(<"$truth/logs/curl-$sent.exit") == 0 ]]; }

# make_message [NAME]: NAME.p7m, a PKCSReq of scepclient that no server has answered; its key is client-NAME/key.
make_message() {
    local name=${1:-message} recipient=() file
    [[ ! -e $work/ra.crt ]] ||
        recipient=(-ca-fingerprint "$(openssl x509 -in "$work/ra.crt" -outform DER | sha256sum | cut -d' ' -f1)")
    mkdir -p "$work/client-$name"
    relay_start "withheld-$name" 8082 $server_port --withhold
    on ndes scepclient -server-url http://127.0.0.1:8082/scep -challenge "${used_challenge:-$challenge}" \
        -cn "$name.contoso.com" -private-key "$work/client-$name/key" -certificate "$work/client-$name/certificate" \
        "${recipient[@]}" >"$work/logs/$name.log" 2>&1 || true
    stop "relay-withheld-$name"
    file=$(grep -l PKIOperation "$work/withheld-$name"/*.json) || die "scepclient made no message, see $work/logs/$name.log"
    cp "${file%.json}.request" "$work/$name.p7m"
}

# keep_device_key FILE [NAME]: as PEM in the truth.
keep_device_key() { openssl pkey -in "$1" -out "$truth/${2:-device}.key"; }

# open_certrep MESSAGE KEY OUT: the certificate in a CertRep, found with openssl; fails when there is none.
open_certrep() {
    local signer=()
    [[ ! -e $work/ra-signing.crt ]] || signer=(-certfile "$work/ra-signing.crt")
    openssl cms -verify -noverify "${signer[@]}" -inform DER -in "$1" -out "$work/envelope" &&
        openssl cms -decrypt -inform DER -in "$work/envelope" -inkey "$2" -provider default -provider legacy \
            -out "$work/degenerate" &&
        openssl pkcs7 -inform DER -in "$work/degenerate" -print_certs | openssl x509 -out "$3"
} 2>>"$work/logs/openssl.log"

# run_scepclient NAME [option…]: micromdm's client with the state directory NAME.
run_scepclient() {
    local name=$1
    shift
    mkdir -p "$work/client-$name"
    client "scepclient-$((++sent))" scepclient -debug -server-url "$device_url" -cn "$name.contoso.com" \
        -private-key "$work/client-$name/key" -certificate "$work/client-$name/certificate" "$@"
}

strongswan_discovery() {
    client strongswan-scepca pki --scepca --url "$device_url" --caout "$work/found-ca.crt" --raout "$work/found-ra.crt" \
        --outform pem --force
}

# strongswan_enrolment NAME [option…]: NAME.key is made, NAME.crt is what the client received.
strongswan_enrolment() {
    local name=$1 encryption=$work/ra.crt signing=$work/ra-signing.crt
    [[ -e $encryption ]] || encryption=$work/ca.crt signing=$work/ca.crt
    shift
    openssl genrsa -out "$work/$name.key" 2048 2>/dev/null
    keep_device_key "$work/$name.key" "$name"
    client "strongswan-scep-$name" pki --scep --url "$device_url" --in "$work/$name.key" \
        --dn "C=US, O=Contoso, CN=$name.contoso.com" --san "$name.contoso.com" --password "$challenge" \
        --cacert-enc "$encryption" --cacert-sig "$signing" --cacert "$work/ca.crt" --cipher des3 --outform pem "$@"
    cp "$truth/logs/strongswan-scep-$name.stdout" "$work/$name.crt"
}

# keep_issued NN: the certificate in that response, as what the client received.
keep_issued() { open_certrep "$work/device/$1.response" "$truth/device.key" "$truth/issued.crt"; }

# The daemon with a socket of its own, for as long as the request takes.
run_certmonger() {
    local state=$work/certmonger
    mkdir -p "$state"/{requests,cas,local,tmp}
    cat >"$state/enrol" <<END
set -e
getcert add-scep-ca -c ndes -u '$device_url' -R '$work/ca.crt' -N '$work/ca.crt' -v
getcert request -w -v -c ndes -k '$state/device.key' -f '$state/device.crt' -N CN=device.contoso.com \
    -D device.contoso.com -L '$challenge'
getcert list
END
    CERTMONGER_REQUESTS_DIR=$state/requests CERTMONGER_CAS_DIR=$state/cas CERTMONGER_LOCAL_CA_DIR=$state/local \
        CERTMONGER_CONFIG_DIR=$state CERTMONGER_TMPDIR=$state/tmp \
        client certmonger certmonger -n -L -P "$state/socket" -c "bash $state/enrol"
}
