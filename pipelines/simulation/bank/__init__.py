"""Simulated banks: files over SFTP and HTTPS on loopback, real formats back, faults on demand.

`server.running_banks` starts some in a thread, `server.start_bank` one in a loop. By hand:

    with running_banks([config], folder=Path("banks"), clock=clock, secret="...") as banks:
        print(banks["equator"])   # ports, keys and certificates
        input()

    sftp -P PORT -i banks/equator/keys/ssh_client_key client@127.0.0.1
    curl --cacert banks/equator/keys/authority.pem --cert banks/equator/keys/client.pem \\
        --user client:... --data grant_type=client_credentials https://localhost:PORT/oauth2/token
"""
