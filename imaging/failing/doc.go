// Package failing is a model of media that fail, for tests and measurements.
//
// A [Device] answers one request at a time. A request that holds a bad sector fails as a whole, after the time for
// which the first bad sector in it holds the device: 20 ms to 2 s, drawn for each sector. One bad sector of twenty
// becomes readable at its second to fifth try. What can be read takes a time for the request and one for its bytes,
// longer in slow zones. A device may vanish for a while. Everything follows from a seed.
//
// It promises the same medium, with the same content, for the same kind, seed and size. It never opens a file.
package failing
