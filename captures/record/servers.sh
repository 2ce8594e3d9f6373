# SPDX-License-Identifier: GPL-2.0-or-later
# The WAP, NDES and the SCEP server behind it, with certificates of their own. Sourced by record.

# No extensions but those asked for.
openssl_request() { openssl req -x509 -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -nodes "$@" 2>/dev/null; }

# certificate NAME SUBJECT EXTENSION…: NAME.key and NAME.crt, issued by the stand-in's CA.
certificate() {
    local name=$1 subject=$2 key=(rsa:2048) options=() extension
    [[ $name != wap ]] || key=("${wap_key[@]}")
    shift 2
    for extension; do
        options+=(-addext "$extension")
    done
    openssl_request -newkey "${key[@]}" -days 7300 -subj "$subject" "${options[@]}" \
        -CA "$work/ca.crt" -CAkey "$work/ca.key" -keyout "$work/$name.key" -out "$work/$name.crt"
}

certificates() {
    openssl_request -newkey rsa:2048 -days 7300 -subj '/DC=com/DC=contoso/CN=Contoso Issuing CA' \
        -addext basicConstraints=critical,CA:true -addext subjectKeyIdentifier=hash \
        -addext 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature,keyEncipherment' \
        -keyout "$work/ca.key" -out "$work/ca.crt"
    certificate wap "/CN=$wap_host" "subjectAltName=DNS:$wap_host" extendedKeyUsage=serverAuth
    certificate ndes /CN=ndes.corp.contoso.com subjectAltName=DNS:ndes.corp.contoso.com extendedKeyUsage=serverAuth
    # One that has issued nothing here, for those who trust another.
    openssl_request -newkey rsa:2048 -days 7300 -subj '/DC=com/DC=fabrikam/CN=Fabrikam Root CA' \
        -addext basicConstraints=critical,CA:true -keyout "$work/other.key" -out "$work/other.crt"
    cp "$work/ca.crt" "$truth/"
    [[ $scep_server$ra == responderyes ]] || return 0
    # The two RA certificates of NDES: the same subject, told apart by key usage.
    certificate ra /CN=NDES-MSCEP-RA keyUsage=critical,keyEncipherment extendedKeyUsage=1.3.6.1.4.1.311.20.2.1
    certificate ra-signing /CN=NDES-MSCEP-RA keyUsage=critical,digitalSignature extendedKeyUsage=1.3.6.1.4.1.311.20.2.1
    cp "$work/ra.crt" "$work/ra-signing.crt" "$truth/"
}

# nginx_start HOST: its configuration is on standard input, without what all have in common.
nginx_start() {
    local host=$1
    {
        echo "daemon off; user root; pid $work/$host.pid; error_log $work/logs/$host-error.log; events { }"
        cat
    } >"$work/$host.conf"
    # shellcheck disable=SC2046 # words
    start "$host" "nginx-$host" env $(clock_of "$host") TZ=UTC SSLKEYLOGFILE="$work/$host.keylog" \
        LD_PRELOAD="$programs/bin/libscepkeylog.so${ahead[$host]:+:$(clock_library)}" nginx -c "$work/$host.conf"
}

# http_common HOST: what stands first in an http block.
http_common() {
    cat <<END
    log_format facts escape=json '{"time":"\$msec","client":"\$remote_addr","client_port":"\$remote_port",'
        '"connection":"\$connection","request_of_connection":"\$connection_requests","http":"\$server_protocol",'
        '"method":"\$request_method","uri":"\$request_uri","status":"\$status","request_length":"\$request_length",'
        '"body_bytes_sent":"\$body_bytes_sent","seconds":"\$request_time","user_agent":"\$http_user_agent",'
        '"tls":"\$ssl_protocol","cipher":"\$ssl_cipher","resumed":"\$ssl_session_reused","sni":"\$ssl_server_name",'
        '"upstream":"\$upstream_addr","upstream_status":"\$upstream_status"$([[ $pair == no ]] || request_names)}';
    access_log $work/logs/$1-access.log facts;
$([[ $pair == no ]] || brief_format)
$([[ $product_logs == no || $1 != @(ndes|crp) ]] || iis_logs "$1")
    client_body_temp_path $work/temp-$1-body;
    proxy_temp_path $work/temp-$1-proxy;
    fastcgi_temp_path $work/temp-$1-fastcgi;
    uwsgi_temp_path $work/temp-$1-uwsgi;
    scgi_temp_path $work/temp-$1-scgi;
END
}

# http_listen HOST SCHEME HTTP2
http_listen() {
    local any=
    [[ $ip_version == 6 ]] && any='[::]:'
    if [[ $2 == http ]]; then
        echo "listen ${any}80;"
        return
    fi
    cat <<END
        listen ${any}443 ssl$3;
        ssl_certificate $work/$1.crt;
        ssl_certificate_key $work/$1.key;
        ssl_protocols $tls_protocols;
        ssl_ciphers $tls_ciphers;
END
}

ndes_start() {
    nginx_start ndes <<END
http {
$(http_common ndes)
    server {
        $(http_listen ndes "$inner_scheme" '')
        server_name ndes.corp.contoso.com;
        $ndes_directives
        location ~* ^/certsrv/mscep/mscep\\.dll(/pkiclient\\.exe)?/?\$ {
            proxy_pass http://127.0.0.1:$relay_port/scep\$is_args\$args;
        }
        location / {
            return 404;
        }
    }
}
END
    until_true 'the web server of NDES' listens ndes "$(port_of "$inner_scheme")"
}

wap_start() {
    nginx_start wap <<END
http {
$(http_common wap)
    upstream ndes {
        server ndes.corp.contoso.com:$(port_of "$inner_scheme");
        $upstream_directives
    }
    server {
        $(http_listen wap https "$http2")
        server_name scep.contoso.com;
        $wap_directives
        location / {
            proxy_pass $inner_scheme://ndes;
            proxy_http_version $inner_http;
            proxy_set_header Host ndes.corp.contoso.com;
            proxy_set_header Connection "$inner_connection";
            $proxy_directives
            proxy_ssl_server_name on;
            proxy_ssl_name ndes.corp.contoso.com;
            proxy_ssl_protocols $tls_protocols;
            proxy_ssl_trusted_certificate $work/$wap_trusts.crt;
            proxy_ssl_verify on;
        }
    }
}
END
    until_true 'the WAP' listens wap 443
}

port_of() { if [[ $1 == https ]]; then echo 443; else echo 80; fi; }

# relay_start NAME LISTEN UPSTREAM OPTION…: keeps what it sees in the directory NAME.
relay_start() {
    local name=$1 listen=$2 upstream=$3
    shift 3
    mkdir -p "$work/$name"
    start ndes "relay-$name" python3 "$here/relay.py" "$@" "$listen" "$upstream" "$work/$name"
    until_true "the relay $name" test -e "$work/$name/ready"
}

# micromdm's scepserver: it signs and decrypts with the CA's own key.
scepserver_start() {
    mkdir -p "$work/depot"
    cp "$work/ca.crt" "$work/depot/ca.pem"
    openssl rsa -in "$work/ca.key" -traditional -aes256 -passout pass:depot -out "$work/depot/ca.key" 2>/dev/null
    start ndes scep-server scepserver -depot "$work/depot" -capass depot -port $server_port -challenge "$challenge" \
        -allowrenew 0 -debug
    until_true scepserver listens ndes $server_port
    cp "$work/ca.key" "$truth/recipient.key"
}

# Our own responder.
responder_start() {
    local recipient=ca more=()
    if [[ $ra == yes ]]; then
        recipient=ra
        more=(--ra-cert "$work/ra.crt" --ra-key "$work/ra.key"
            --ra-signing-cert "$work/ra-signing.crt" --ra-signing-key "$work/ra-signing.key")
    fi
    # Where there is a CRP, it alone judges the challenge.
    [[ $behind == yes ]] || more+=(--challenge "$challenge")
    start ndes scep-server "$programs/bin/scep-responder" --port $server_port --base-path /scep \
        --ca-cert "$work/ca.crt" --ca-key "$work/ca.key" "${more[@]}" \
        --log-dir "$work/responder" "${server_options[@]}"
    until_true scep-responder listens ndes $server_port
    cp "$work/$recipient.key" "$truth/recipient.key"
}

# The device trusts one CA and no other, whatever library its client uses.
trust_on_device() {
    local etc
    etc=/etc/netns/$(namespace device)
    mkdir -p "$etc/ssl/certs"
    # scepserver encrypts with single DES, which OpenSSL 3 leaves to its legacy provider.
    printf 'openssl_conf=init\n[init]\nproviders=all\n[all]\ndefault=on\nlegacy=on\n[on]\nactivate=1\n' >"$etc/ssl/openssl.cnf"
    cp "$work/$device_trusts.crt" "$etc/ssl/certs/ca-certificates.crt"
    cp "$work/$device_trusts.crt" "$etc/ssl/certs/ca.pem"
    openssl rehash "$etc/ssl/certs" 2>/dev/null
}

servers_start() {
    certificates
    trust_on_device
    echo "$challenge" >"$truth/challenge"
    # What is prepared with the SCEP server's help leaves no trace in its log.
    "${scep_server}_start"
    $prepare
    stop scep-server
    rm -rf "$work/logs/scep-server.log" "$work/responder"
    "${scep_server}_start"
    relay_start relay $relay_port $server_port $relay_options
    ndes_start
    [[ $wap == no ]] || $wap_server
    [[ $behind == no ]] || behind_start
}
