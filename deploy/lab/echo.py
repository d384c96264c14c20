#!/usr/bin/python3
"""An upstream that tells what reached it, for looking at what a gateway passes.

    /echo/ws              WebSocket: every message comes back
    /echo/stream?bytes=N  N bytes, in chunks
    /echo/slow?seconds=S  waits S (2) seconds before it answers
    /echo/status/NNN      answers with that status
    /pki/FILE             CRL and CA certificates, when started with --pki DIR
    anything else         JSON: method, path, headers as received, body length
                          and SHA-256 (the body is hashed as it streams in)
"""
import argparse
import asyncio
import hashlib

from aiohttp import WSMsgType, web


async def describe(request, status=200):
    digest, length = hashlib.sha256(), 0
    async for chunk in request.content.iter_any():
        digest.update(chunk)
        length += len(chunk)
    return web.json_response({
        "method": request.method,
        "path": request.path_qs,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")]
                    for name, value in request.raw_headers],
        "length": length,
        "sha256": digest.hexdigest(),
    }, status=status)


async def status(request):
    return await describe(request, int(request.match_info["status"]))


async def slow(request):
    await asyncio.sleep(float(request.query.get("seconds", "2")))
    return await describe(request)


async def stream(request):
    left = int(request.query.get("bytes", "0"))
    response = web.StreamResponse(
        headers={"Content-Type": "application/octet-stream"})
    if request.query.get("length") == "known":
        response.content_length = left
    await response.prepare(request)
    block = bytes(range(256)) * 256
    while left > 0:
        await response.write(block[:left])
        left -= min(left, len(block))
    return response


async def websocket(request):
    ws = web.WebSocketResponse(max_msg_size=0)
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await ws.send_bytes(message.data)
    return ws


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pki", metavar="DIR")
    args = parser.parse_args()

    app = web.Application(client_max_size=0)
    app.router.add_get("/echo/ws", websocket)
    app.router.add_get("/echo/stream", stream)
    app.router.add_route("*", "/echo/slow", slow)
    app.router.add_route("*", r"/echo/status/{status:[1-5]\d\d}", status)
    if args.pki:
        app.router.add_static("/pki", args.pki)
    app.router.add_route("*", "/{path:.*}", describe)
    web.run_app(app, host=args.host, port=args.port, print=None,
                access_log=None)


if __name__ == "__main__":
    main()
