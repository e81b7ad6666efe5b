// Asks a server as the npm package subsonic-api does, and prints what it understood as one JSON object.
//   node npm_client.mjs ADDRESS KEY
import { SubsonicAPI } from "subsonic-api";

const [url, key] = process.argv.slice(2);
const api = new SubsonicAPI({ url, auth: { apiKey: key } });
const { artists } = await api.getArtists();
const artist = artists.index[0].artist[0].id;
const { artist: known } = await api.getArtist({ id: artist });
const found = {
  ping: (await api.ping()).status,
  extensions: (await api.getOpenSubsonicExtensions()).openSubsonicExtensions.map(each => each.name),
  artists: artists.index.flatMap(index => index.artist).length,
  album: (await api.getAlbum({ id: known.album[0].id })).album.song.map(song => song.id),
  albums: (await api.getAlbumList2({ type: "alphabeticalByName", size: 500 })).albumList2.album.length,
  search: (await api.search3({ query: "title S010" })).searchResult3.song.map(song => song.title),
  song: (await api.getSong({ id: "s000" })).song,
  random: (await api.getRandomSongs({ size: 7 })).randomSongs.song.length,
  top: (await api.getTopSongs({ artist: "Artist a01" })).topSongs.song.map(song => song.id),
  similar: (await api.getSimilarSongs({ id: "s000", count: 5 })).similarSongs.song.map(song => song.id),
  similar2: (await api.getSimilarSongs2({ id: artist, count: 5 })).similarSongs2.song.length,
};
await api.createPlaylist({ name: "morning", songId: ["s020", "s010"] });
const { playlists } = await api.getPlaylists();
const [made] = playlists.playlist.filter(each => each.name === "morning");
found.playlist = (await api.getPlaylist({ id: made.id })).playlist.entry.map(song => song.id);
found.starred = [(await api.star({ id: "s001" })).status, (await api.unstar({ id: "s001" })).status];
found.scrobbled = (await api.scrobble({ id: "s001", time: 1700000000000, submission: true })).status;
const sound = new Uint8Array(await (await api.stream({ id: "s000" })).arrayBuffer());
found.bytes = sound.length;
found.cover = (await api.getCoverArt({ id: "s092" })).headers.get("content-type");
console.log(JSON.stringify(found));
