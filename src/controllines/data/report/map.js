"use strict";
(function () {
  var data = JSON.parse(document.getElementById("data").textContent);
  var words = data.words;
  var byId = new Map(data.parcels.map(function (parcel) { return [parcel.id, parcel]; }));
  var rank = new Map(data.looks.map(function (look, position) { return [look[0], position]; }));
  var rankOfLevel = new Map(data.levels.map(function (level, position) { return [level[0], position]; }));
  var colours = data.colours;
  /* where the rules were applied their level gives the colour, else what was measured */
  function look(entry) { return entry.level || entry.look; }
  var lineStyles = {
    ecological_redline: { color: "#3d7a45", fillColor: "#7fb77e", fillOpacity: 0.22, weight: 1.6 },
    permanent_farmland: { color: "#b59a16", fillColor: "#e8d458", fillOpacity: 0.28, weight: 1.2 },
    urban_boundary: { color: "#8a3a6b", fillColor: "#c58bb0", fillOpacity: 0.07, weight: 2, dashArray: "8 4" }
  };
  var spare = ["#3a6ea5", "#6a7f2e", "#a0643c", "#4a8f8a", "#7a5fa8", "#94783a"];
  var lineName = new Map(data.lines.map(function (line) { return [line.key, line.zh]; }));
  data.lines.forEach(function (line, position) {
    if (!lineStyles[line.key]) {
      var colour = spare[position % spare.length];
      lineStyles[line.key] = { color: colour, fillColor: colour, fillOpacity: 0.12, weight: 1.4, dashArray: "4 3" };
    }
  });

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) { element.className = className; }
    if (text !== undefined) { element.textContent = text; }
    return element;
  }
  function get(id) { return document.getElementById(id); }

  /* the map */
  var map = L.map("map", { attributionControl: false, zoomSnap: 0.25, maxZoom: 23, preferCanvas: data.parcels.length > 1000 });
  L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
  var shapes = new Map();
  var dots = new Map();
  var groups = { lines: new Map(), outside: L.layerGroup(), pieces: L.layerGroup(), parcels: L.featureGroup() };

  function polygon(geometry, style) { return L.geoJSON(geometry, { style: style }); }
  if (data.basemap) { L.tileLayer(data.basemap, { maxNativeZoom: 18, maxZoom: 23, referrerPolicy: "no-referrer" }).addTo(map); }
  var land = { color: "#9aa7ae", weight: 1, fillColor: "#ffffff", fillOpacity: data.basemap ? 0 : 0.75 };
  groups.townships = L.featureGroup();
  data.shapes.townships.forEach(function (shape) {
    groups.townships.addLayer(L.geoJSON(shape[1], { style: land, interactive: false }));
    var box = L.geoJSON(shape[1]).getBounds();
    if (shape[0] && box.isValid()) {
      var name = L.tooltip({ permanent: true, direction: "center", className: "place", interactive: false });
      groups.townships.addLayer(name.setLatLng(box.getCenter()).setContent(make("span", "", shape[0])));
    }
  });
  data.shapes.lines.forEach(function (shape) {
    var key = shape[0];
    if (!groups.lines.has(key)) { groups.lines.set(key, L.featureGroup()); }
    var drawn = polygon(shape[2], lineStyles[key]);
    var tip = make("span", "", shape[1] ? lineName.get(key) + "：" + shape[1] : lineName.get(key));
    groups.lines.get(key).addLayer(drawn.bindTooltip(tip, { sticky: true }));
  });
  function parcelStyle(parcel, faded) {
    return {
      color: colours[look(parcel)], weight: 2, opacity: faded ? 0.25 : 1, fillColor: colours[look(parcel)],
      fillOpacity: faded ? 0.04 : 0.22, dashArray: look(parcel) === "excluded" ? "3 4" : null
    };
  }
  data.shapes.parcels.forEach(function (shape) {
    var parcel = byId.get(shape[0]);
    if (!parcel) { return; }
    var drawn = polygon(shape[1], parcelStyle(parcel, false));
    drawn.bindTooltip(make("span", "", parcel.name ? parcel.id + "　" + parcel.name : parcel.id), { sticky: true });
    drawn.on("click", function (event) { L.DomEvent.stopPropagation(event); select(parcel, false); });
    shapes.set(parcel.id, drawn);
    groups.parcels.addLayer(drawn);
    var dot = L.circleMarker(drawn.getBounds().getCenter(), { radius: 5, weight: 1.5, color: "#ffffff", fillColor: colours[look(parcel)], fillOpacity: 1 });
    dot.bindTooltip(make("span", "", parcel.name ? parcel.id + "　" + parcel.name : parcel.id));
    dot.on("click", function (event) { L.DomEvent.stopPropagation(event); select(parcel, true); });
    dots.set(parcel.id, dot);
  });
  var avoid = new Set(data.lines.filter(function (line) { return line.sense === "avoid"; }).map(function (line) { return line.key; }));
  data.shapes.pieces.forEach(function (shape) {
    if (!avoid.has(shape[1])) { return; }
    groups.pieces.addLayer(L.geoJSON(shape[3], { interactive: false, style: { color: "#7c1f12", weight: 1.2, fillColor: "#b3402e", fillOpacity: 0.6 } }));
  });
  data.shapes.outside.forEach(function (shape) {
    groups.outside.addLayer(L.geoJSON(shape[2], { interactive: false, style: { color: "#8a5a0b", weight: 1, fillColor: "#c4841a", fillOpacity: 0.3, dashArray: "2 3" } }));
  });
  function stack() {
    groups.townships.eachLayer(function (layer) { if (layer.bringToBack && map.hasLayer(layer)) { layer.bringToBack(); } });
    [groups.parcels, groups.outside, groups.pieces].forEach(function (group) {
      if (map.hasLayer(group)) { group.eachLayer(function (layer) { layer.bringToFront(); }); }
    });
  }
  /* legend and card lie over the map: what is shown goes between them */
  function between(room, zoom) {
    var wide = map.getSize().x > 760;
    var left = wide ? get("legend").offsetWidth + 24 : 0;
    var right = wide && !get("card").hidden ? get("card").offsetWidth + 24 : 0;
    return { paddingTopLeft: [left + room, room], paddingBottomRight: [right + room, room], maxZoom: zoom, animate: false };
  }
  /* what is too small to be seen gets a dot */
  function showDots() {
    dots.forEach(function (dot, id) {
      var box = shapes.get(id).getBounds();
      var size = map.latLngToLayerPoint(box.getSouthEast()).subtract(map.latLngToLayerPoint(box.getNorthWest()));
      if (Math.max(Math.abs(size.x), Math.abs(size.y)) < 12) { dot.addTo(map); } else { dot.remove(); }
    });
  }
  function whole() {
    var bounds = groups.parcels.getBounds();
    if (bounds.isValid()) { map.fitBounds(bounds, between(30, 18)); } else { map.setView([42.8, 88.6], 9); }
  }
  map.setView([42.8, 88.6], 9);
  map.on("zoomend", showDots);
  groups.townships.addTo(map);
  Array.from(groups.lines.keys()).forEach(function (key) { groups.lines.get(key).addTo(map); });
  groups.parcels.addTo(map);
  groups.outside.addTo(map);
  groups.pieces.addTo(map);
  var home = L.control({ position: "topleft" });
  home.onAdd = function () {
    var bar = make("div", "leaflet-bar");
    var button = make("button", "whole", words.whole);
    button.type = "button";
    L.DomEvent.on(button, "click", function (event) { L.DomEvent.stop(event); whole(); });
    bar.appendChild(button);
    return bar;
  };
  home.addTo(map);
  map.on("click", function () { close(); });

  /* the legend */
  function swatch(style) {
    var space = "http://www.w3.org/2000/svg";
    var svg = document.createElementNS(space, "svg");
    var box = document.createElementNS(space, "rect");
    svg.setAttribute("width", "22"); svg.setAttribute("height", "14"); svg.setAttribute("aria-hidden", "true");
    var attributes = { x: 1.5, y: 1.5, width: 19, height: 11, stroke: style.color, "stroke-width": style.weight, fill: style.fillColor, "fill-opacity": style.fillOpacity, "stroke-dasharray": style.dashArray || "" };
    Object.keys(attributes).forEach(function (name) { box.setAttribute(name, attributes[name]); });
    svg.appendChild(box);
    return svg;
  }
  var keys = get("keys");
  function heading(text) { keys.appendChild(make("h2", "", text)); }
  function row(style, text, group) {
    var line = make(group ? "label" : "div", "key");
    if (group) {
      var box = make("input");
      box.type = "checkbox"; box.checked = true;
      box.addEventListener("change", function () {
        if (box.checked) { group.addTo(map); } else { group.remove(); }
        stack();
      });
      line.appendChild(box);
    }
    line.appendChild(swatch(style));
    line.appendChild(make("span", "", text));
    keys.appendChild(line);
  }
  heading(words.parcels);
  data.levels.concat(data.looks).forEach(function (entry) {
    if (data.parcels.some(function (parcel) { return look(parcel) === entry[0]; }) && (!rankOfLevel.has(entry[0]) || data.levels.some(function (level) { return level === entry; }))) {
      row(parcelStyle({ look: entry[0] }, false), entry[1]);
    }
  });
  if (data.shapes.pieces.length || data.shapes.outside.length) {
    heading(words.overlaps);
    if (groups.pieces.getLayers().length) { row({ color: "#7c1f12", weight: 1.2, fillColor: "#b3402e", fillOpacity: 0.6 }, words.pieces, groups.pieces); }
    if (groups.outside.getLayers().length) { row({ color: "#8a5a0b", weight: 1, fillColor: "#c4841a", fillOpacity: 0.3, dashArray: "2 3" }, words.outside, groups.outside); }
  }
  if (groups.lines.size) {
    heading(words.lines);
    data.lines.forEach(function (line) {
      if (groups.lines.has(line.key)) { row(lineStyles[line.key], line.zh, groups.lines.get(line.key)); }
    });
  }
  if (data.shapes.townships.length) {
    heading(words.units);
    row(land, words.township, groups.townships);
  }

  whole();

  /* the list */
  var list = get("list");
  var buttons = new Map();
  data.parcels.forEach(function (parcel) {
    var item = make("li");
    var button = make("button", look(parcel));
    button.type = "button";
    button.appendChild(make("span", "chip"));
    button.appendChild(make("span", "id", parcel.id));
    button.appendChild(make("span", "area", parcel.lines.length ? parcel.area : parcel.status));
    var label = [parcel.name, parcel.townships.join("、")].filter(Boolean).join(" · ");
    if (label) { button.appendChild(make("span", "label", label)); }
    var brief = parcel.lines.map(function (line) { return lineName.get(line.key) + " " + line.result; }).join("　");
    if (data.levels.length && parcel.verdict) { button.appendChild(make("span", "ruled", parcel.verdict)); }
    button.appendChild(make("span", "brief", brief || parcel.reason));
    var more = make("span", "more");
    parcel.lines.forEach(function (line) { more.appendChild(make("p", "", line.sentence)); });
    if (parcel.reason) { more.appendChild(make("p", "", parcel.reason)); }
    button.appendChild(more);
    button.addEventListener("click", function () { select(parcel, true); });
    item.appendChild(button);
    buttons.set(parcel.id, button);
    parcel.haystack = [parcel.id, parcel.name, parcel.project].join(" ").toLowerCase();
  });
  var nothing = make("li", "empty", words.nothing);
  function option(id, value, text) {
    var element = make("option", "", text);
    element.value = value;
    get(id).appendChild(element);
  }
  data.lines.forEach(function (line) { option("line", line.key, line.zh); });
  data.looks.forEach(function (entry) { option("outcome", entry[0], entry[1]); });
  data.levels.forEach(function (entry) { option("level", entry[0], entry[1]); });
  get("levels").hidden = !data.levels.length;
  if (!data.levels.length) { get("sort").querySelector('[value="level"]').remove(); }
  var townships = new Set();
  data.parcels.forEach(function (parcel) { parcel.townships.forEach(function (name) { townships.add(name); }); });
  townships.forEach(function (name) { option("township", name, name); });

  function matches(parcel) {
    var text = get("search").value.trim().toLowerCase();
    var line = get("line").value, outcome = get("outcome").value, level = get("level").value, township = get("township").value;
    if (text && parcel.haystack.indexOf(text) < 0) { return false; }
    if (township && parcel.townships.indexOf(township) < 0) { return false; }
    if (!line) { return (!outcome || parcel.look === outcome) && (!level || parcel.level === level); }
    return parcel.lines.some(function (entry) {
      if (entry.key !== line) { return false; }
      if (!outcome && !level) { return entry.look !== "none"; }
      return (!outcome || entry.look === outcome) && (!level || entry.level === level);
    });
  }
  function levelRank(parcel) { return rankOfLevel.has(parcel.level) ? rankOfLevel.get(parcel.level) : rankOfLevel.size; }
  var orders = {
    serial: function (a, b) { return a.serial - b.serial; },
    outcome: function (a, b) { return rank.get(a.look) - rank.get(b.look) || a.serial - b.serial; },
    level: function (a, b) { return levelRank(a) - levelRank(b) || a.serial - b.serial; },
    area: function (a, b) { return b.m2 - a.m2 || a.serial - b.serial; },
    id: function (a, b) { return a.id < b.id ? -1 : a.id > b.id ? 1 : 0; }
  };
  function refresh() {
    var found = data.parcels.filter(matches);
    var kept = new Set(found);
    found.sort(orders[get("sort").value]);
    var rows = found.map(function (parcel) { return buttons.get(parcel.id).parentNode || buttons.get(parcel.id); });
    list.replaceChildren.apply(list, rows.length ? rows : [nothing]);
    get("count").textContent = words.shown.replace("{shown}", found.length).replace("{total}", data.total);
    dots.forEach(function (dot, id) {
      var faded = !kept.has(byId.get(id));
      dot.setStyle({ opacity: faded ? 0.2 : 1, fillOpacity: faded ? 0.2 : 1 });
    });
    shapes.forEach(function (drawn, id) { drawn.setStyle(parcelStyle(byId.get(id), !kept.has(byId.get(id)))); });
    if (current) { mark(current); }
  }

  /* the card */
  var card = get("card");
  var current = null;
  function terms(pairs) {
    var box = make("dl");
    pairs.forEach(function (pair) { box.appendChild(make("dt", "", pair[0])); box.appendChild(make("dd", "", pair[1])); });
    return box;
  }
  function corners(parcel) {
    if (parcel.elsewhere) { return make("p", "quiet", parcel.elsewhere); }
    var box = make("details");
    box.appendChild(make("summary", "", words.corners.replace("{count}", parcel.corners.length)));
    var table = make("table");
    var head = make("tr");
    [words.ring, words.point].concat(data.axes, [words.edge]).forEach(function (name) { head.appendChild(make("th", "", name)); });
    table.appendChild(head);
    parcel.corners.forEach(function (point) {
      var line = make("tr");
      point.forEach(function (cell) { line.appendChild(make("td", "", cell)); });
      table.appendChild(line);
    });
    box.appendChild(table);
    return box;
  }
  function mark(parcel) {
    var drawn = shapes.get(parcel.id);
    if (drawn) { drawn.setStyle({ weight: 4, opacity: 1 }); drawn.bringToFront(); stack(); }
    buttons.get(parcel.id).setAttribute("aria-current", "true");
  }
  function close() {
    if (!current) { return; }
    var drawn = shapes.get(current.id);
    if (drawn) { drawn.setStyle(parcelStyle(current, !matches(current))); }
    buttons.get(current.id).removeAttribute("aria-current");
    card.hidden = true;
    current = null;
  }
  function select(parcel, zoom) {
    close();
    current = parcel;
    card.className = look(parcel);
    card.replaceChildren();
    card.appendChild(make("h2", "", parcel.id));
    if (parcel.name) { card.appendChild(make("p", "", parcel.name)); }
    var button = make("button", "close", "×");
    button.type = "button";
    button.setAttribute("aria-label", words.close);
    button.addEventListener("click", function () { close(); buttons.get(parcel.id).focus(); });
    card.appendChild(button);
    if (parcel.reason) { card.appendChild(make("p", "sentence", parcel.status + "：" + parcel.reason)); }
    card.appendChild(terms(parcel.facts));
    parcel.lines.forEach(function (line) {
      var title = make("h3", look(line), lineName.get(line.key));
      title.appendChild(make("b", "", line.result));
      card.appendChild(title);
      card.appendChild(make("p", "sentence " + look(line), line.sentence));
      card.appendChild(terms(line.areas.concat([[words.verdict, line.verdict]], line.ruled)));
    });
    if (parcel.corners.length || parcel.elsewhere) { card.appendChild(corners(parcel)); }
    card.appendChild(make("p", "quiet", parcel.convention));
    var drawn = shapes.get(parcel.id);
    if (!drawn) { card.appendChild(make("p", "quiet", words.no_shape)); }
    card.hidden = false;
    card.scrollTop = 0;
    mark(parcel);
    if (zoom && drawn) { map.fitBounds(drawn.getBounds(), between(60, 17.5)); }
    if (!zoom) { buttons.get(parcel.id).scrollIntoView({ block: "nearest" }); }
  }

  list.addEventListener("keydown", function (event) {
    var step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    var item = step && document.activeElement.closest("li");
    var next = item && (step > 0 ? item.nextElementSibling : item.previousElementSibling);
    if (next && next.firstElementChild) { event.preventDefault(); next.firstElementChild.focus(); }
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && current) { var button = buttons.get(current.id); close(); button.focus(); }
  });
  get("tools").addEventListener("submit", function (event) { event.preventDefault(); });
  ["search", "line", "outcome", "level", "township", "sort"].forEach(function (id) { get(id).addEventListener("input", refresh); });
  function printing(on) {
    document.body.classList.toggle("printing", on);
    map.invalidateSize({ animate: false });
    if (!current) { whole(); }
  }
  window.addEventListener("beforeprint", function () { printing(true); });
  window.addEventListener("afterprint", function () { printing(false); });
  refresh();
}());
